#!/usr/bin/env node
/** The command `agentfleet`. Plain JavaScript, because it also runs before the checkout is built. */
import { existsSync } from 'node:fs'

const main = new URL('./dist/main.js', import.meta.url)
if (existsSync(main)) {
  await import(main.href)
} else {
  process.stderr.write('This checkout is not built yet. Run `npm start` once, then try again.\n')
  process.exitCode = 1
}
