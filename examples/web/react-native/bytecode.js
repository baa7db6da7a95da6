// Compiles a bundle to what Hermes runs, as a release build of the app does.
const { execFileSync } = require('node:child_process');

const folder = { linux: 'linux64-bin', darwin: 'osx-bin', win32: 'win64-bin' }[process.platform];
const compiler = require.resolve(`hermes-compiler/hermesc/${folder}/hermesc`);
const [bundle, bytecode] = process.argv.slice(2);

execFileSync(compiler, ['-emit-binary', '-O', '-w', '-out', bytecode, bundle], {
  stdio: 'inherit',
});
