import { channels } from './plugins/channels';
import { drive } from './plugins/drive';
import { feeds } from './plugins/feeds';
import { fileBrowser } from './plugins/fileBrowser';
import { files } from './plugins/files';
import { kachery } from './plugins/kachery';
import { node } from './plugins/node';
import { outputs } from './plugins/outputs';
import { sidebar } from './plugins/sidebar';
import { statusBar } from './plugins/statusBar';

export { IKachery } from './plugins/token';

export default [
  kachery,
  sidebar,
  node,
  files,
  channels,
  feeds,
  drive,
  fileBrowser,
  outputs,
  statusBar
];
