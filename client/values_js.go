package client

import "encoding/json"

func marshal(dst []byte, v any) ([]byte, error) {
	b, err := json.Marshal(v)
	return append(dst, b...), err
}

func unmarshal(data []byte, v any) error { return json.Unmarshal(data, v) }
