// The option keepSession: going on with the session of the page before.

import type { Credentials } from './credentials.js';
import { connectionLost } from './errors.js';
import type { Keeper } from './keep.js';
import type { Settings } from './options.js';
import type { Outbox } from './outbox.js';
import { loadPart, parts } from './parts.js';

// resume takes over the session that the page before has left for url, if there is one, and
// resolves with what keeps it for the next one.
export function resume(url: string, options: Settings, { _key: key, _value: value }: Credentials,
  outbox: Outbox): Promise<Keeper> {
  const { keepSession, namespace, encryptionKey } = options, { _questions: questions } = outbox;
  return loadPart('keep').then(() => {
    if (outbox._closed) throw connectionLost('disconnect() was called');
    const owner = keepSession === true ? [key, value] : keepSession;
    const keeper = new parts.keep!.Keeper([url, namespace, encryptionKey, owner], () => {
      const { _token: token, _lastSeq: lastSeq } = outbox._session;
      return token.length > 0 ? { token, lastSeq, nextAck: questions._next } : null;
    });
    const kept = keeper.take();
    if (kept) {
      outbox._session._token = kept.token;
      outbox._session._lastSeq = kept.lastSeq;
      questions._next = Math.max(questions._next, kept.nextAck);
    }
    return keeper;
  });
}
