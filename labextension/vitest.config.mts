import { readFileSync } from 'node:fs';
import { defineConfig, type Plugin } from 'vitest/config';

/** JupyterLab's packages import their icons as text. */
const icons: Plugin = {
  name: 'svg-as-text',
  enforce: 'pre',
  load: id =>
    id.endsWith('.svg') ? `export default ${JSON.stringify(readFileSync(id, 'utf8'))}` : undefined
};

export default defineConfig({
  plugins: [icons],
  test: {
    environment: 'jsdom',
    include: ['src/**/*.test.{ts,tsx}'],
    setupFiles: ['src/testing/setup.ts'],
    restoreMocks: true,
    // JupyterLab's packages are loaded once, not for every file: a seventh of the time.
    isolate: false,
    server: { deps: { inline: [/@jupyterlab/, /@jupyter\//, /@lumino/] } }
  }
});
