//go:build !js

package client

import "github.com/smartsocket/smartsocket/message"

func marshal(dst []byte, v any) ([]byte, error) { return message.Marshal(dst, v) }

func unmarshal(data []byte, v any) error { return message.Unmarshal(data, v) }
