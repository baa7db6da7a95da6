return globalThis.Go;
}
