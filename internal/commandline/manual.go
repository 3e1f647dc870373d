package commandline

import (
	"fmt"
	"slices"
	"strings"

	"github.com/alecthomas/kong"
)

// Manual returns the manual page in the format of the macros man(7).
func Manual(model *kong.Application, examples map[string][]string) string {
	var b strings.Builder
	request := func(format string, args ...any) { fmt.Fprintf(&b, format+"\n", args...) }
	request(`.TH EVENTROUTER 1 "" "eventrouter" "User Commands"`)
	request(".SH NAME\neventrouter \\- %s", roff(model.Help))
	request(".SH SYNOPSIS\n.B eventrouter\n%s", roff(model.Summary()))
	request(".SH DESCRIPTION")
	request("%s", roff("Each command has a section below. `eventrouter COMMAND --help` prints the same text."))
	request(".SH FLAGS OF EVERY COMMAND")
	for _, f := range commonFlagsOf(model.Node) {
		manualFlag(request, f)
	}
	request(".SH COMMANDS")
	for _, d := range describeCommands(model.Node)[1:] {
		manualCommand(request, d, examplesOf(examples, d.node))
	}
	request(".SH ENVIRONMENT")
	for _, name := range environment(model.Node) {
		request(".TP\n.B %s\n%s", roff(name[0]), roff("The default of "+name[1]+"."))
	}
	request(".TP\n.B NO_COLOR\nIf it is set, no colours are printed.")
	request(".SH EXIT STATUS\n.TP\n0\nsuccess\n.TP\n1\na failure, or problems that were found\n.TP\n2\na command line that is not valid, or a result that is not known")
	return b.String()
}

// commonFlagsOf returns the flags of every command.
func commonFlagsOf(root *kong.Node) (list []*kong.Flag) {
	for _, f := range root.Flags {
		if !f.Hidden {
			list = append(list, f)
		}
	}
	return list
}

func manualCommand(request func(string, ...any), d commandDescription, examples []string) {
	request(".SS %s", roff("eventrouter "+d.node.Summary()))
	request("%s", roff(d.node.Help))
	for paragraph := range strings.SplitSeq(d.node.Detail, "\n\n") {
		if paragraph != "" {
			request(".PP\n%s", roff(paragraph))
		}
	}
	for _, a := range d.node.Positional {
		request(".TP\n.I %s\n%s", roff(a.Summary()), roff(a.Help))
	}
	if len(d.commands) > 0 {
		for _, c := range d.commands {
			request(".TP\n.B %s\n%s", roff(pathOf(c)), roff(c.Help))
		}
	}
	for _, f := range d.flags {
		if f.Group == nil || f.Group.Key != commonFlags {
			manualFlag(request, f)
		}
	}
	if len(examples) > 0 {
		request(".PP\nExamples:\n.PP\n.nf\n.RS")
		for _, line := range examples {
			request("%s", roff(line))
		}
		request(".RE\n.fi")
	}
}

func manualFlag(request func(string, ...any), f *kong.Flag) {
	request(".TP\n.B %s\n%s", roff(f.String()), roff(f.Help))
}

// environment lists the variables that set defaults of flags, with those flags.
func environment(root *kong.Node) (list [][2]string) {
	flags := map[string][]string{}
	var names []string
	var visit func(n *kong.Node)
	visit = func(n *kong.Node) {
		for _, f := range n.Flags {
			for _, env := range f.Envs {
				if _, known := flags[env]; !known {
					names = append(names, env)
				}
				if !slices.Contains(flags[env], "--"+f.Name) {
					flags[env] = append(flags[env], "--"+f.Name)
				}
			}
		}
		for _, c := range n.Children {
			visit(c)
		}
	}
	visit(root)
	slices.Sort(names)
	for _, name := range names {
		list = append(list, [2]string{name, strings.Join(flags[name], " and ")})
	}
	return list
}

// roff escapes a text for roff.
func roff(text string) string {
	text = strings.NewReplacer(`\`, `\e`, "-", `\-`, "'", `\(aq`, "`", "\\(ga").Replace(text)
	if strings.HasPrefix(text, ".") {
		text = `\&` + text
	}
	return text
}
