// When it is worth trying again at once, and when trying is in vain.

// online: the network is back. pageshow: the page comes out of the cache of the Back button.
// visibilitychange: somebody looks at it, perhaps after the machine slept.
const SIGNS = ['online', 'pageshow', 'visibilitychange'];

// onWake calls wake at each of these signs until the returned function is called. Where there are
// none, as in Node, it does nothing.
export function onWake(wake: () => void): () => void {
  const seen = (): void => {
    if (typeof document !== 'object' || !document.hidden) wake();
  };
  if (typeof addEventListener !== 'function') return () => {};
  // Those of the document pass the window on their way down.
  SIGNS.forEach((sign) => addEventListener(sign, seen, true));
  return () => SIGNS.forEach((sign) => removeEventListener(sign, seen, true));
}

// isOffline reports whether the browser knows that there is no network.
export function isOffline(): boolean {
  return typeof navigator === 'object' && navigator.onLine === false;
}
