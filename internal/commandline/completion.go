package commandline

import (
	"fmt"
	"strings"

	"github.com/alecthomas/kong"
)

// Completion returns the completion script of a shell: bash, zsh or fish.
func Completion(shell string, model *kong.Application) string {
	list := describeCommands(model.Node)
	switch shell {
	case "bash":
		return bashCompletion(list)
	case "zsh":
		return zshCompletion(list)
	}
	return fishCompletion(list)
}

// commandDescription is a command as completion and the man page describe it.
type commandDescription struct {
	path     string // "" is the program itself
	node     *kong.Node
	commands []*kong.Node
	flags    []*kong.Flag // also those of every command
}

// describeCommands lists the program and its commands, without hidden ones, in the
// order of the table.
func describeCommands(root *kong.Node) (list []commandDescription) {
	var visit func(n *kong.Node)
	visit = func(n *kong.Node) {
		d := commandDescription{path: pathOf(n), node: n}
		for _, group := range n.AllFlags(true) {
			d.flags = append(d.flags, group...)
		}
		for _, c := range n.Children {
			if !c.Hidden {
				d.commands = append(d.commands, c)
			}
		}
		list = append(list, d)
		for _, c := range d.commands {
			visit(c)
		}
	}
	visit(root)
	return list
}

// takesFile reports whether a value is the name of a file or folder.
func takesFile(v *kong.Value) bool {
	switch v.Tag.Type {
	case "path", "existingfile", "existingdir":
		return true
	}
	return false
}

// values returns the valid values of a flag or argument that has an enum.
func values(v *kong.Value) (list []string) {
	for value := range strings.SplitSeq(v.Enum, ",") {
		if value != "" {
			list = append(list, value)
		}
	}
	return list
}

// argument returns the first argument of a command, or nil.
func (d commandDescription) argument() *kong.Value {
	if len(d.node.Positional) == 0 {
		return nil
	}
	return d.node.Positional[0]
}

// Quote quotes a text for a POSIX shell.
func Quote(text string) string { return "'" + strings.ReplaceAll(text, "'", `'\''`) + "'" }

// firstSentence returns what completion shows of a help text.
func firstSentence(help string) string {
	text, _, _ := strings.Cut(help, ". ")
	return strings.TrimSuffix(text, ".")
}

// steps lists the words that lead from a command to one below it, as patterns of a
// shell's case: "keys create".
func steps(list []commandDescription) string {
	var patterns []string
	for _, d := range list {
		for _, c := range d.commands {
			patterns = append(patterns, `"`+d.path+" "+c.Name+`"`)
		}
	}
	return strings.Join(patterns, " | ")
}

const bashTemplate = `# Completion of eventrouter for bash, printed by: eventrouter completion bash
_eventrouter() {
	local cur=${COMP_WORDS[COMP_CWORD]} previous=${COMP_WORDS[COMP_CWORD-1]} at= i
	# bash splits --output=json into three words
	if [[ $cur == = ]]; then
		cur=
	elif [[ $previous == = ]]; then
		previous=${COMP_WORDS[COMP_CWORD-2]}
	fi
	for ((i = 1; i < COMP_CWORD; i++)); do
		case "$at ${COMP_WORDS[i]}" in
		{steps}) at="${at:+$at }${COMP_WORDS[i]}" ;;
		esac
	done
	case "$at $previous" in
{values}	esac
	if [[ $cur == -* ]]; then
		case $at in
{flags}		esac
		return
	fi
	case $at in
{words}	esac
}
complete -F _eventrouter eventrouter
`

func bashCompletion(list []commandDescription) string {
	words := func(text string) string { return `COMPREPLY=($(compgen -W "` + text + `" -- "$cur"))` }
	var valueCases, flagCases, wordCases strings.Builder
	for _, d := range list {
		var flags []string
		for _, f := range d.flags {
			flags = append(flags, "--"+f.Name)
			if do := shellValue(f.Value, words(strings.Join(values(f.Value), " ")), `COMPREPLY=($(compgen -f -- "$cur"))`); do != "" {
				fmt.Fprintf(&valueCases, "\t%q) %s; return ;;\n", d.path+" --"+f.Name, do)
			}
		}
		fmt.Fprintf(&flagCases, "\t\t%q) %s ;;\n", d.path, words(strings.Join(flags, " ")))
		var names []string
		for _, c := range d.commands {
			names = append(names, c.Name)
		}
		if len(names) > 0 {
			fmt.Fprintf(&wordCases, "\t%q) %s ;;\n", d.path, words(strings.Join(names, " ")))
		} else if arg := d.argument(); arg != nil {
			if list := values(arg); len(list) > 0 {
				fmt.Fprintf(&wordCases, "\t%q) %s ;;\n", d.path, words(strings.Join(list, " ")))
			} else if takesFile(arg) {
				fmt.Fprintf(&wordCases, "\t%q) %s ;;\n", d.path, `COMPREPLY=($(compgen -f -- "$cur"))`)
			}
		}
	}
	return strings.NewReplacer("{steps}", steps(list), "{values}", valueCases.String(), "{flags}", flagCases.String(),
		"{words}", wordCases.String()).Replace(bashTemplate)
}

// shellValue returns the commands of a shell that complete the value of a flag: a list,
// files, or nothing (:) for any other value; "" is a flag without a value.
func shellValue(v *kong.Value, list, files string) string {
	switch {
	case v.IsBool():
		return ""
	case v.Enum != "":
		return list
	case takesFile(v):
		return files
	}
	return ":"
}

const zshTemplate = `#compdef eventrouter
# Completion of eventrouter for zsh, printed by: eventrouter completion zsh
_eventrouter() {
	local cur=${words[CURRENT]} previous=${words[CURRENT-1]} at= i
	local -a items
	if [[ $cur == --*=* ]]; then
		previous=${cur%%=*}
		compset -P '*='
	fi
	for ((i = 2; i < CURRENT; i++)); do
		case "$at ${words[i]}" in
		({steps}) at="${at:+$at }${words[i]}" ;;
		esac
	done
	case "$at $previous" in
{values}	esac
	if [[ $cur == -* ]]; then
		case $at in
{flags}		esac
		_describe -t flags flag items
		return
	fi
	case $at in
{words}	esac
}
if [[ $funcstack[1] == _eventrouter ]]; then
	_eventrouter "$@"
else
	compdef _eventrouter eventrouter
fi
`

func zshCompletion(list []commandDescription) string {
	item := func(name, help string) string {
		return Quote(strings.ReplaceAll(name, ":", `\:`) + ":" + firstSentence(help))
	}
	var valueCases, flagCases, wordCases strings.Builder
	for _, d := range list {
		var flags []string
		for _, f := range d.flags {
			flags = append(flags, item("--"+f.Name, f.Help))
			if do := shellValue(f.Value, "compadd -- "+strings.Join(values(f.Value), " "), "_files"); do != "" {
				fmt.Fprintf(&valueCases, "\t(%q) %s; return ;;\n", d.path+" --"+f.Name, do)
			}
		}
		fmt.Fprintf(&flagCases, "\t\t(%q) items=(%s) ;;\n", d.path, strings.Join(flags, " "))
		var names []string
		for _, c := range d.commands {
			names = append(names, item(c.Name, c.Help))
		}
		if len(names) > 0 {
			fmt.Fprintf(&wordCases, "\t(%q) items=(%s); _describe -t commands command items ;;\n", d.path, strings.Join(names, " "))
		} else if arg := d.argument(); arg != nil {
			if list := values(arg); len(list) > 0 {
				fmt.Fprintf(&wordCases, "\t(%q) compadd -- %s ;;\n", d.path, strings.Join(list, " "))
			} else if takesFile(arg) {
				fmt.Fprintf(&wordCases, "\t(%q) _files ;;\n", d.path)
			}
		}
	}
	return strings.NewReplacer("{steps}", steps(list), "{values}", valueCases.String(), "{flags}", flagCases.String(),
		"{words}", wordCases.String()).Replace(zshTemplate)
}

const fishTemplate = `# Completion of eventrouter for fish, printed by: eventrouter completion fish
function __eventrouter_at
	set -l at
	for word in (commandline -opc)[2..]
		switch "$at $word"
			case {steps}
				set at (string trim -- "$at $word")
		end
	end
	test "$at" = "$argv[1]"
end
complete -c eventrouter -f
{lines}`

func fishCompletion(list []commandDescription) string {
	var lines strings.Builder
	for _, d := range list {
		at := "complete -c eventrouter -n " + Quote(`__eventrouter_at "`+d.path+`"`)
		for _, c := range d.commands {
			fmt.Fprintf(&lines, "%s -a %s -d %s\n", at, c.Name, Quote(firstSentence(c.Help)))
		}
		for _, f := range d.flags {
			short := ""
			if f.Short != 0 {
				short = " -s " + string(f.Short)
			}
			value := shellValue(f.Value, " -x -a "+Quote(strings.Join(values(f.Value), " ")), " -r -F")
			if value == ":" {
				value = " -x"
			}
			fmt.Fprintf(&lines, "%s%s -l %s%s -d %s\n", at, short, f.Name, value, Quote(firstSentence(f.Help)))
		}
		if arg := d.argument(); arg != nil && len(d.commands) == 0 {
			if list := values(arg); len(list) > 0 {
				fmt.Fprintf(&lines, "%s -a %s\n", at, Quote(strings.Join(list, " ")))
			} else if takesFile(arg) {
				fmt.Fprintf(&lines, "%s -F\n", at)
			}
		}
	}
	return strings.NewReplacer("{steps}", strings.ReplaceAll(steps(list), " | ", " "), "{lines}", lines.String()).Replace(fishTemplate)
}
