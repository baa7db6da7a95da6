export default {
  mode: 'production',
  target: 'node20',
  entry: './src/program.js',
  output: { path: import.meta.dirname + '/build', filename: 'node.cjs', clean: true },
};
