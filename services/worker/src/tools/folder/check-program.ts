import { builtInTools } from '../built-in.ts'
import { delegateTool } from '../delegate.ts'
import { registerModuleHooks } from '../register-hooks.ts'
import { loadToolModules } from '../tool-modules.ts'
import { createToolThreads } from '../tool-threads.ts'

/**
 * Program that loads a folder of tools and sends every problem to the process that started it; `npm start` runs it
 * before anything else. A module runs when it is loaded, so it can hang or end the process: the program first
 * sends the name of each file.
 *
 * Arguments: the folder, then the names of further tools that every worker has.
 */

/** What the program sends. */
type CheckMessage =
  | { readonly kind: 'loading'; readonly file: string }
  | { readonly kind: 'done'; readonly problems: readonly string[]; readonly tools: number }

function send(message: CheckMessage): Promise<void> {
  return new Promise((resolve) => {
    if (process.send === undefined) resolve()
    else process.send(message, undefined, {}, () => resolve())
  })
}

const [dir = '', ...more] = process.argv.slice(2)
registerModuleHooks()
const { problems, tools } = await loadToolModules(dir, createToolThreads({ threadsMax: 1 }), {
  taken: [...builtInTools().keys(), delegateTool.offer.function.name, ...more],
  onLoad: (file) => send({ kind: 'loading', file }),
})
await send({ kind: 'done', problems, tools: tools.length })
// A loaded module may keep timers or connections.
process.exit(0)
