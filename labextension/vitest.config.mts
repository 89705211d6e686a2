import { defineConfig, type Plugin } from 'vitest/config';

/** JupyterLab's packages import their icons as text. */
const icons: Plugin = {
  name: 'svg-as-text',
  enforce: 'pre',
  transform: (code, id) =>
    id.endsWith('.svg') ? { code: `export default ${JSON.stringify(code)}`, map: null } : undefined
};

export default defineConfig({
  plugins: [icons],
  test: {
    environment: 'jsdom',
    include: ['src/**/*.test.{ts,tsx}'],
    setupFiles: ['src/testing/setup.ts'],
    restoreMocks: true,
    server: { deps: { inline: [/@jupyterlab/, /@jupyter\//, /@lumino/] } }
  }
});
