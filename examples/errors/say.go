package main

import (
	"errors"
	"fmt"
	"time"

	"github.com/smartsocket/smartsocket/client"
	"github.com/smartsocket/smartsocket/message"
)

// say is the client's half: what a player reads when a payment has failed.
func say(err error) string {
	var e *client.Error
	switch {
	case errors.Is(err, ErrNoGold):
		if short, ok := client.DetailsOf[Shortage](err); ok {
			return fmt.Sprintf("You need %d pieces of gold more.", short.Missing)
		}
		return "You need more gold."
	case errors.Is(err, ErrNoPlayer):
		return "Nobody of that name plays here."
	case errors.As(err, &e) && e.RetryAfter > 0: // over a limit
		wait := time.Duration(e.RetryAfter) * time.Millisecond
		return fmt.Sprintf("Not so fast: wait for %v.", wait.Round(time.Second))
	case errors.Is(err, message.ErrConnectionLost), errors.Is(err, message.ErrAckTimeout):
		return "We do not know yet whether this was paid."
	}
	return "Something went wrong, and we are looking into it."
}
