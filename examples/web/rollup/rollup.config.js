import { nodeResolve } from '@rollup/plugin-node-resolve';
import { readFileSync } from 'node:fs';

// Rollup leaves files alone that code finds beside itself: the WebAssembly codec is one.
const codec = {
  name: 'codec',
  generateBundle() {
    const source = readFileSync('node_modules/@smartsocket/client/smartsocket.wasm');
    this.emitFile({ type: 'asset', fileName: 'smartsocket.wasm', source });
  },
};

export default {
  input: 'src/page.js',
  output: { dir: 'dist', format: 'es', chunkFileNames: '[name]-[hash].js' },
  plugins: [nodeResolve({ browser: true }), codec],
};
