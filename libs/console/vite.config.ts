import { readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { brotliCompressSync, gzipSync } from 'node:zlib'
import { defaultClientConditions, defineConfig, type Plugin } from 'vite'

const SITE = fileURLToPath(new URL('dist/site/', import.meta.url))

/** Writes a `.br` and a `.gz` next to each file, so that the gateway compresses nothing. */
function compressed(): Plugin {
  return {
    name: 'compressed',
    closeBundle() {
      const files = readdirSync(SITE, { recursive: true, encoding: 'utf8' })
      for (const file of files.filter((name) => /\.(?:html|js|css|svg)$/.test(name))) {
        const bytes = readFileSync(SITE + file)
        writeFileSync(`${SITE}${file}.br`, brotliCompressSync(bytes))
        writeFileSync(`${SITE}${file}.gz`, gzipSync(bytes, { level: 9 }))
      }
    },
  }
}

export default defineConfig({
  root: fileURLToPath(new URL('page/', import.meta.url)),
  base: '/console/',
  logLevel: 'warn',
  // From the sources, so that the page needs no build of other packages.
  resolve: { conditions: ['@agentfleet/source', ...defaultClientConditions] },
  oxc: { jsx: { runtime: 'automatic', importSource: 'preact' } },
  build: {
    outDir: SITE,
    emptyOutDir: true,
    target: 'es2023',
    // The content security policy allows no `data:` scripts or fonts.
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
  },
  plugins: [compressed()],
})
