import { fork } from 'node:child_process'
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import type { Env } from '@agentfleet/runtime'

/** Checks the modules of the tool folder before anything starts, in a process, because a module runs when it is loaded. */

/** A folder of tools loads in a second; a module that waits for something outside may take longer, milliseconds. */
const LOADED_WITHIN_MS = 30_000
/** The end of what a module printed, characters. */
const SAID_CHARS_MAX = 500

const NO_TOOLS =
  'has no modules; save your tools in this folder itself, not below it, as .js, .mjs, .ts or .mts'

type Message =
  | { readonly kind: 'loading'; readonly file: string }
  | { readonly kind: 'done'; readonly problems: readonly string[]; readonly tools: number }

/** Returns every problem of the tool folder of the workers, each with the folder and the file. */
export async function toolProblems(env: Env, root: string): Promise<readonly string[]> {
  const worker = join(root, 'services', 'worker')
  const dir = env['TOOLS_DIR'] || join(worker, 'tools')
  // The worker's settings report a folder that is configured and missing.
  if (!existsSync(dir)) return []
  const more = env['HTTP_FETCH_HOSTS'] ? ['http_fetch'] : []
  const program = join(root, 'services', 'worker', 'dist', 'tools', 'folder', 'check-program.js')
  const problems = await run(program, [dir, ...more])
  // The default folder may be empty; a folder that is named should have tools.
  const said = env['TOOLS_DIR'] ? problems : problems.filter((problem) => problem !== NO_TOOLS)
  return said.map((problem) => `tools in ${dir}: ${problem}`)
}

function run(program: string, args: readonly string[]): Promise<readonly string[]> {
  return new Promise((resolve) => {
    const stdio = ['ignore', 'ignore', 'pipe', 'ipc'] as const
    const child = fork(program, args, { execArgv: [], stdio: [...stdio] })
    let file = ''
    let said = ''
    let problems: readonly string[] | undefined
    const loading = (): string => (file === '' ? '' : `${file}: `)
    const late = setTimeout(() => {
      problems ??= [
        `${loading()}is still loading after ${LOADED_WITHIN_MS / 1_000} s; move the code that waits into run`,
      ]
      child.kill('SIGKILL')
    }, LOADED_WITHIN_MS)
    child.stderr?.setEncoding('utf8').on('data', (text: string) => {
      said = (said + text).slice(-SAID_CHARS_MAX)
    })
    child.on('message', (message: Message) => {
      if (message.kind === 'loading') ({ file } = message)
      else
        problems =
          message.tools === 0 && message.problems.length === 0 ? [NO_TOOLS] : message.problems
    })
    const settle = (how: string): void => {
      clearTimeout(late)
      const tail = said.trim() === '' ? '' : `: ${said.trim()}`
      resolve(problems ?? [`${loading()}${how} while it is loaded${tail}; move this code into run`])
    }
    child.once('error', ({ message }) => settle(`cannot be checked (${message})`))
    child.once('exit', (code, signal) =>
      settle(`ends the process (${signal ?? `exit code ${code}`})`),
    )
  })
}
