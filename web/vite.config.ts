import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { brotliCompressSync, constants, gzipSync } from 'node:zlib';
import react from '@vitejs/plugin-react';
import { defineConfig, type Plugin } from 'vite';

const TEXT = /\.(?:css|html|js|svg)$/;

/** Writes each file that is text once more in gzip and in brotli: the server sends what a browser accepts. */
function precompressed(): Plugin {
  return {
    name: 'precompressed',
    apply: 'build',
    writeBundle({ dir }) {
      for (const each of readdirSync(dir ?? '.', { recursive: true, withFileTypes: true })) {
        if (!each.isFile() || !TEXT.test(each.name)) continue;
        const path = join(each.parentPath, each.name);
        const content = readFileSync(path);
        writeFileSync(`${path}.gz`, gzipSync(content, { level: 9 }));
        writeFileSync(`${path}.br`, brotliCompressSync(content, { params: { [constants.BROTLI_PARAM_QUALITY]: 6 } }));
      }
    },
  };
}

// Addresses are relative, so that a proxy may put Boreas below a path of its own.
export default defineConfig({
  base: './',
  plugins: [react(), precompressed()],
  build: {
    outDir: '../app/pages',
    emptyOutDir: true,
    target: 'es2023',
    assetsInlineLimit: 0,
    chunkSizeWarningLimit: 4000,
    modulePreload: { polyfill: false },
    rolldownOptions: {
      input: { graphiql: 'graphiql.html' },
      onLog(level, log, handler) {
        if (log.code !== 'MODULE_LEVEL_DIRECTIVE') handler(level, log);
      },
    },
  },
});
