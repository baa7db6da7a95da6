export const prerender = true; // the page is rendered when it is built, without a connection
