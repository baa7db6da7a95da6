// Names, colours and what the page remembers between visits.

const ADJECTIVES = ['Swift', 'Quiet', 'Amber', 'Brave', 'Lucky', 'Misty', 'Clever', 'Sunny', 'Cosmic', 'Gentle', 'Nimble', 'Velvet'];
const ANIMALS = ['Otter', 'Falcon', 'Lynx', 'Heron', 'Badger', 'Marten', 'Gecko', 'Robin', 'Puffin', 'Ibex', 'Fox', 'Wren'];

const pick = (list) => list[crypto.getRandomValues(new Uint32Array(1))[0] % list.length];

export const invent = () => `${pick(ADJECTIVES)} ${pick(ANIMALS)}`;

// hue gives a name its colour, the same everywhere.
export function hue(text) {
  let h = 7;
  for (const char of text) h = (h * 31 + char.codePointAt(0)) % 360;
  return h;
}

// initials are the first letters of the first and the last word.
export function initials(text) {
  const words = text.trim().split(/\s+/);
  const letters = words.length > 1 ? [words[0], words.at(-1)].map((word) => [...word][0]) : [...words[0]].slice(0, 2);
  return letters.join('').toUpperCase();
}

// store is sessionStorage, so that two tabs are two people; without it nothing is kept.
export const store = {
  get(key) {
    try {
      return sessionStorage.getItem('smartsocket.' + key);
    } catch {
      return null;
    }
  },
  set(key, value) {
    try {
      sessionStorage.setItem('smartsocket.' + key, value);
    } catch {
      // Private windows may refuse; the page works without.
    }
  },
};
