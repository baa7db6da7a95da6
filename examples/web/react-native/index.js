import { AppRegistry } from 'react-native';
import { Arena } from './Arena';

AppRegistry.registerComponent('Arena', () => Arena);
