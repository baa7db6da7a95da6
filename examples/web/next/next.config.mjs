export default {
  // This folder is the whole project, whatever lies above it.
  turbopack: { root: import.meta.dirname },
};
