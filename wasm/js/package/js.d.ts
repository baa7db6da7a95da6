/** The client with the js engine alone: the smallest for a page. Its option engine is "js". */
export * from './index.js';
export { default } from './index.js';
