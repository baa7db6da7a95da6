Object.defineProperty(root, Symbol.for("@smartsocket/go"), { value: globalThis.Go, configurable: true });
})(typeof self === "object" ? self : global);
