export default {
  mode: 'production',
  entry: './src/page.js',
  output: { path: import.meta.dirname + '/dist', clean: true },
};
