// Package commandline parses the command line of a program with kong, and prints what
// is generated from the table of its commands: help with examples, completion for
// bash, zsh and fish, and a manual page.
//
//	parser, err := commandline.NewParser(&cli, &commandline.Program{Name: "eventrouter"}, os.Stdout, os.Stderr)
//
// Its errors and those of its flags say what is valid, without types of Go.
package commandline

import (
	"fmt"
	"io"
	"runtime/debug"
	"slices"
	"strings"

	"github.com/alecthomas/kong"
)

// Program describes a program for its help.
type Program struct {
	Name        string
	Description string
	// Examples are the examples of each command, by its path, for example "keys create".
	// A group of commands without an entry shows the first example of each of its
	// commands.
	Examples map[string][]string
}

// NewParser returns the parser of the command line of a program. cli is a pointer to
// the struct that is the table of its commands; the version, the description and the
// examples, by the path of a command, are shown by help. Flags with the group
// common are those of every command.
func NewParser(cli any, p *Program, out, errOut io.Writer, o ...kong.Option) (*kong.Kong, error) {
	options := slices.Concat(flagMappers(), []kong.Option{
		kong.Name(p.Name),
		kong.Description(p.Description),
		kong.Vars{"version": p.Name + " " + version()},
		kong.Writers(out, errOut),
		kong.ExplicitGroups([]kong.Group{{Key: commonFlags, Title: "Flags of every command:"}}),
		kong.ConfigureHelp(kong.HelpOptions{Compact: true, NoExpandSubcommands: true}),
		kong.Help(p.printHelp),
	}, o)
	parser, err := kong.New(cli, options...)
	if err != nil {
		return nil, err
	}
	parser.Model.HelpFlag.Help = "Show help."
	parser.Model.HelpFlag.Group = &kong.Group{Key: commonFlags, Title: "Flags of every command:"}
	setPlaceholders(parser.Model.Node)
	return parser, nil
}

// commonFlags is the group of the flags of every command.
const commonFlags = "common"

// setPlaceholders names the value of each flag after the flag.
func setPlaceholders(n *kong.Node) {
	for _, f := range n.Flags {
		if f.PlaceHolder == "" && !f.IsBool() && f.Default == "" && f.Enum == "" {
			f.PlaceHolder = strings.ToUpper(f.Name)
		}
	}
	for _, c := range n.Children {
		setPlaceholders(c)
	}
}

// printHelp prints the help of a command, with its examples.
func (p *Program) printHelp(o kong.HelpOptions, ctx *kong.Context) error {
	if err := kong.DefaultHelpPrinter(o, ctx); err != nil {
		return err
	}
	node := ctx.Model.Node
	if selected := ctx.Selected(); selected != nil {
		node = selected
	}
	list := examplesOf(p.Examples, node)
	if len(list) == 0 {
		return nil
	}
	_, err := fmt.Fprintf(ctx.Stdout, "\nExamples:\n  %s\n", strings.Join(list, "\n  "))
	return err
}

// pathOf returns the path of a command, for example "keys create"; "" is the
// program itself.
func pathOf(n *kong.Node) string {
	path := ""
	for ; n.Type == kong.CommandNode; n = n.Parent {
		path = strings.TrimSpace(n.Name + " " + path)
	}
	return path
}

// examplesOf returns the examples of a command, or of the commands below it.
func examplesOf(examples map[string][]string, n *kong.Node) []string {
	if own := examples[pathOf(n)]; len(own) > 0 {
		return own
	}
	var list []string
	for _, c := range n.Children {
		if below := examplesOf(examples, c); !c.Hidden && len(below) > 0 {
			list = append(list, below[0])
		}
	}
	return list
}

// version returns the version of the program: of the module, or the commit that it was
// built from.
func version() string {
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return "of unknown version"
	}
	settings := map[string]string{}
	for _, s := range info.Settings {
		settings[s.Key] = s.Value
	}
	text := strings.Trim(info.Main.Version, "()")
	if commit := settings["vcs.revision"]; commit != "" {
		text += ", commit " + commit[:min(12, len(commit))]
		if settings["vcs.modified"] == "true" {
			text += " with changes"
		}
		text += ", " + settings["vcs.time"]
	}
	return text
}
