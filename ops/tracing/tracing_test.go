package tracing

import (
	"context"
	"errors"
	"testing"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/sdk/trace/tracetest"
	api "go.opentelemetry.io/otel/trace"

	"github.com/smartsocket/smartsocket"
	"github.com/smartsocket/smartsocket/client"
	"github.com/smartsocket/smartsocket/frame"
)

// ended hands each span on when it ends.
type ended chan trace.ReadOnlySpan

func (e ended) OnStart(context.Context, trace.ReadWriteSpan) {}
func (e ended) OnEnd(s trace.ReadOnlySpan)                   { e <- s }
func (e ended) Shutdown(context.Context) error               { return nil }
func (e ended) ForceFlush(context.Context) error             { return nil }

// Each event has a span, with what became of it, and what a handler does is part of it.
func TestSpans(t *testing.T) {
	spans := make(ended, 10)
	tracer := trace.NewTracerProvider(trace.WithSpanProcessor(spans)).Tracer("test")
	v, err := smartsocket.New(smartsocket.Options{Port: -1})
	if err != nil {
		t.Fatal(err)
	}
	v.Intercept(Interceptor(tracer))
	smartsocket.HandleContext(v, "buy", func(ctx context.Context, _ *smartsocket.Socket, n int) (
		int, error) {
		_, inner := tracer.Start(ctx, "database")
		inner.End()
		return n + 1, nil
	})
	smartsocket.Handle(v, "fail", func(*smartsocket.Socket, int) (int, error) {
		return 0, errors.New("no gold")
	})
	v.On("panic", func(*smartsocket.Socket, smartsocket.Data, smartsocket.Ack) { panic("ouch") })
	if err := v.Start(); err != nil {
		t.Fatal(err)
	}
	defer v.Close()
	c, err := client.New("ws://"+v.Addr().String(), client.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Disconnect()
	if err := c.Connect(t.Context()); err != nil {
		t.Fatal(err)
	}
	if n, err := client.Request[int](t.Context(), c, "buy", 41); err != nil || n != 42 {
		t.Fatal(n, err)
	}
	inner, outer := <-spans, <-spans
	if inner.Name() != "database" || outer.Name() != "buy" ||
		inner.Parent().SpanID() != outer.SpanContext().SpanID() || outer.Parent().IsValid() {
		t.Errorf("%+v in %+v", inner, outer)
	}
	want := attribute.NewSet(Namespace.String("/"), Event.String("buy"), Socket.String(c.ID()),
		Bytes.Int(2), Ack.Bool(true))
	if got := attribute.NewSet(outer.Attributes()...); got != want {
		t.Errorf("the attributes are %v", outer.Attributes())
	}
	if _, err := client.Request[int](t.Context(), c, "fail", 1); err == nil {
		t.Error("it did not fail")
	}
	if s := <-spans; s.Status().Code != codes.Error || s.Status().Description != "no gold" ||
		len(s.Events()) != 1 {
		t.Errorf("%+v", s.Status())
	}
	if _, err := c.EmitWithAck(t.Context(), "panic", 1); err == nil {
		t.Error("it did not panic")
	}
	if s := <-spans; s.Name() != "panic" || len(s.Events()) != 1 {
		t.Errorf("of a panic: %+v", s)
	}
}

// An event begins a trace of its own, linked to that of the request.
func TestLink(t *testing.T) {
	spans := tracetest.NewSpanRecorder()
	tracer := trace.NewTracerProvider(trace.WithSpanProcessor(spans)).Tracer("test")
	ctx, request := tracer.Start(t.Context(), "GET /game")
	v, err := smartsocket.New(smartsocket.Options{Port: -1})
	if err != nil {
		t.Fatal(err)
	}
	if err := v.StartDetached(); err != nil {
		t.Fatal(err)
	}
	defer v.Close()
	s := v.Namespace("/").Captive(func(frame.Opcode, []byte) {})
	call := &smartsocket.Call{Socket: s, Event: "move"}
	if err := Interceptor(tracer)(ctx, call, func(ctx context.Context, _ *smartsocket.Call) error {
		if !api.SpanContextFromContext(ctx).IsValid() {
			t.Error("the handler has no span")
		}
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	got := spans.Ended()[0]
	if got.Parent().IsValid() || len(got.Links()) != 1 ||
		!got.Links()[0].SpanContext.Equal(request.SpanContext()) {
		t.Errorf("%+v, linked to %+v", got.Parent(), got.Links())
	}
}
