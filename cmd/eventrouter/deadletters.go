package main

import (
	"fmt"

	"github.com/blockforger/eventrouter/internal/admin"
)

type deadLetterCommands struct {
	List  deadLettersList  `cmd:"" help:"List them."`
	Retry deadLettersRetry `cmd:"" help:"Send them again."`
}

type deadLettersList struct{}

// Run lists dead letters.
func (c *deadLettersList) Run(s *session) error {
	letters, err := s.admin.DeadLetters(s.ctx)
	if err != nil {
		return err
	}
	if letters == nil {
		letters = []admin.DeadLetter{}
	}
	if done, err := s.print.value(struct {
		DeadLetters []admin.DeadLetter `json:"deadLetters"`
	}{letters}); done {
		return err
	}
	rows := make([][]string, len(letters))
	for i, l := range letters {
		rows[i] = []string{l.ID, l.Function, l.EventID, fmt.Sprint(l.Attempts), date(l.Time), l.Error}
	}
	return s.print.table([]string{"ID", "FUNCTION", "EVENT", "ATTEMPTS", "TIME", "ERROR"}, rows)
}

type deadLettersRetry struct {
	IDs []string `arg:"" optional:"" name:"id" help:"Those to send again; all of them unless given."`
}

// Run sends dead letters again.
func (c *deadLettersRetry) Run(s *session) error {
	n, err := s.admin.RetryDeadLetters(s.ctx, c.IDs)
	if err != nil {
		return err
	}
	if done, err := s.print.value(struct {
		Retried int `json:"retried"`
	}{n}); done {
		return err
	}
	s.print.line("%d sent again", n)
	return nil
}
