// Compiles the modules of ../src one by one, as tests import them, into node_modules/.sources or
// into the directory named as argument.

import { execFileSync } from 'node:child_process';
import { readdirSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';

const here = dirname(fileURLToPath(import.meta.url)), src = join(here, '../src');
const into = resolve(process.argv[2] ?? join(here, '../node_modules/.sources'));
const files = readdirSync(src).filter((file) => !file.endsWith('.d.ts'));
execFileSync('go', ['tool', 'esbuild', ...files.map((file) => join(src, file)), '--format=esm',
  '--target=es2022', '--define:COMMONJS=false', '--log-level=warning', '--sourcemap=inline', '--outdir=' + into],
{ cwd: join(here, '../..'), stdio: 'inherit', env: { ...process.env, CGO_ENABLED: '0' } });
