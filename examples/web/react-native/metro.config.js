const { getDefaultConfig } = require('@react-native/metro-config');

module.exports = getDefaultConfig(__dirname); // nothing of ours: Metro finds the right build
