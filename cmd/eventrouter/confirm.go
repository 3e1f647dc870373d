package main

import (
	"bufio"
	"strings"

	"github.com/blockforger/eventrouter/fault"
)

// confirm asks for a word before something that cannot be undone, or that
// others feel. Where nobody can answer, the answer is no.
func (s *session) confirm(question, word string) error {
	s.print.note("%s\nType %s to go on:", question, word)
	line, _ := bufio.NewReader(s.in).ReadString('\n')
	if strings.TrimSpace(line) != word {
		return fault.Errorf(fault.Invalid, "nothing was done: the answer was not %q (--yes goes on without asking)", word)
	}
	return nil
}
