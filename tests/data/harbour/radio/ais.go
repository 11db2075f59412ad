// Package radio reads what ships send about themselves.
package radio

import (
	"errors"
	"fmt"
	"strings"
	"time"
)

// ErrChecksum says that a sentence was garbled on its way.
var ErrChecksum = errors.New("wrong checksum")

// Receiver turns sentences into positions.
type Receiver struct {
	port    string
	dropped int
}

// Checksum combines all characters of a sentence with exclusive or.
func Checksum(sentence string) byte {
	var sum byte
	for i := 0; i < len(sentence); i++ {
		sum ^= sentence[i]
	}
	return sum
}

// SplitFields cuts a sentence at its commas once its checksum was verified.
func SplitFields(line string) ([]string, error) {
	sentence, tail, _ := strings.Cut(strings.TrimPrefix(line, "!"), "*")
	if fmt.Sprintf("%02X", Checksum(sentence)) != tail {
		return nil, ErrChecksum
	}
	return strings.Split(sentence, ","), nil
}

// Listen hands every good sentence to a handler and counts the bad ones.
func (r *Receiver) Listen(lines <-chan string, handle func([]string)) {
	for line := range lines {
		fields, err := SplitFields(line)
		if err != nil {
			r.dropped++
			continue
		}
		handle(fields)
	}
}

// RetryWithBackoff repeats a failing call, waiting twice as long each time.
func RetryWithBackoff(attempts int, call func() error) error {
	wait := 100 * time.Millisecond
	var err error
	for i := 0; i < attempts; i++ {
		if err = call(); err == nil {
			return nil
		}
		time.Sleep(wait)
		wait *= 2
	}
	return err
}
