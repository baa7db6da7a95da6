// The address of a CommonJS module, which has no import.meta.

import { pathToFileURL } from 'node:url';

declare const __filename: string;

export const moduleURL = pathToFileURL(__filename).href;
