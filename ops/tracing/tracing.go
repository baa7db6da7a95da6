// Package tracing makes OpenTelemetry spans of the events that handlers take. It is a module of its
// own, so that who does not want it does not have it, and nothing of it runs unless an application
// registers the interceptor:
//
//	server.Intercept(tracing.Interceptor(otel.Tracer("game")))
//
// There are no locks here.
package tracing

import (
	"context"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/trace"

	"github.com/smartsocket/smartsocket"
)

// The attributes of a span.
const (
	Namespace = attribute.Key("smartsocket.namespace")
	Event     = attribute.Key("smartsocket.event")
	Socket    = attribute.Key("smartsocket.socket") // its id
	Bytes     = attribute.Key("smartsocket.bytes")  // of the payload, decompressed
	Ack       = attribute.Key("smartsocket.ack")    // whether the sender waits for an answer
)

// Interceptor returns an interceptor that makes a span around each handler, and those interceptors
// that come behind it. The span has the name of the event, of which there are as many as have
// handlers. Its context is that of handlers registered with OnContext and HandleContext, so what
// they do with it is part of the span. An error that the handler returns, and a panic, are in the
// span. Each event begins a trace, which is linked to that of the HTTP request if the connection
// came through Server.ServeHTTP and that had one.
//
// What is sampled is up to the tracer. A span that is not costs what the tracer takes. The
// interceptor is safe for concurrent use. A nil tracer panics.
func Interceptor(tracer trace.Tracer) smartsocket.Interceptor {
	if tracer == nil {
		panic("tracing: a nil tracer: give one, as otel.Tracer returns it")
	}
	return func(ctx context.Context, call *smartsocket.Call, next smartsocket.Next) error {
		o := []trace.SpanStartOption{trace.WithNewRoot(), trace.WithSpanKind(trace.SpanKindServer)}
		if of := trace.SpanContextFromContext(ctx); of.IsValid() {
			o = append(o, trace.WithLinks(trace.Link{SpanContext: of}))
		}
		ctx, span := tracer.Start(ctx, call.Event, o...)
		defer span.End() // which records a panic
		if span.IsRecording() {
			span.SetAttributes(Namespace.String(call.Socket.Namespace().Path()),
				Event.String(call.Event), Socket.String(call.Socket.ID()), Bytes.Int(call.Size),
				Ack.Bool(call.Requested()))
		}
		err := next(ctx, call)
		if err != nil {
			span.RecordError(err)
			span.SetStatus(codes.Error, err.Error())
		}
		return err
	}
}
