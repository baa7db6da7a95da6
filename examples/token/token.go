// Package token makes and checks tokens for the other examples: JSON Web Tokens (RFC 7519) with
// HS256 and nothing else, in the standard library alone.
//
// It stands for the library that your program uses. Take a library as soon as another service makes
// the tokens, or keys have ids, change, or are public ones. With github.com/golang-jwt/jwt/v5,
// Verify is jwt.ParseWithClaims with jwt.WithValidMethods([]string{"HS256"}) and
// jwt.WithExpirationRequired().
package token

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"strings"
	"time"
)

// Claims are what a token says about its bearer.
type Claims struct {
	Subject string `json:"sub"`
	Name    string `json:"name,omitempty"`
	Admin   bool   `json:"admin,omitempty"`
	Expires int64  `json:"exp"` // seconds since 1970
}

// End is when the token expires.
func (c *Claims) End() time.Time { return time.Unix(c.Expires, 0) }

// ErrInvalid is Verify's error for all tokens that are not to be trusted. Why is not for the
// client.
var ErrInvalid = errors.New("the token is not valid: sign in again")

// header is the only one that Verify accepts: {"alg":"HS256","typ":"JWT"}.
const header = "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9"

var encoding = base64.RawURLEncoding.Strict()

// minKey is the length of the shortest key, as RFC 7518 demands it for HS256.
const minKey = 32

// Sign makes a token. The key has 32 random bytes or more; with a shorter one no token is valid.
func Sign(key []byte, c Claims) string {
	text, err := json.Marshal(c)
	if err != nil {
		panic(err) // a struct of texts, a number and a bool always encodes
	}
	signed := header + "." + encoding.EncodeToString(text)
	return signed + "." + encoding.EncodeToString(sum(key, signed))
}

// Verify returns the claims of a token that was made with this key and has not expired at now.
func Verify(key []byte, token string, now time.Time) (Claims, error) {
	at := strings.LastIndexByte(token, '.')
	if len(key) < minKey || at < 0 || !strings.HasPrefix(token, header+".") {
		return Claims{}, ErrInvalid
	}
	signature, err := encoding.DecodeString(token[at+1:])
	if err != nil || !hmac.Equal(signature, sum(key, token[:at])) {
		return Claims{}, ErrInvalid
	}
	text, err := encoding.DecodeString(token[len(header)+1 : max(at, len(header)+1)])
	if err != nil {
		return Claims{}, ErrInvalid
	}
	var c Claims
	if json.Unmarshal(text, &c) != nil || c.Subject == "" || !now.Before(c.End()) {
		return Claims{}, ErrInvalid
	}
	return c, nil
}

func sum(key []byte, text string) []byte {
	h := hmac.New(sha256.New, key)
	h.Write([]byte(text))
	return h.Sum(nil)
}
