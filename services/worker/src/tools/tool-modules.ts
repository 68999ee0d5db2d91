import { readdir } from 'node:fs/promises'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { isTool, type ToolModuleTool } from '@agentfleet/toolkit'
import { loadProblem } from './folder/load-problem.ts'
import { answer, offerOf, wrong, type Tool } from './tool.ts'
import type { ToolThreads } from './tool-threads.ts'

/**
 * Loads the modules of your tool folder once at the start. Every exported value that `defineTool`
 * created is a tool.
 */

/** The tools of a folder and all its problems. */
interface LoadedTools {
  readonly tools: readonly Tool[]
  readonly problems: readonly string[]
}

/** Modules in one folder; a folder with more is not a tool folder. */
const MODULES_MAX = 1_000
/** Milliseconds; a thread loads the module of its tool, which takes seconds on a busy machine. */
const THREAD_START_MS = 30_000
const DECLARATION_OR_TEST = /\.(d|test|spec)\.[cm]?[jt]s$/
const MODULE = /\.m?[jt]s$/

/** How a folder is loaded. */
interface LoadOptions {
  /** Names that tools of a folder must not have. */
  readonly taken?: readonly string[]
  /** Called before each module is loaded. */
  readonly onLoad?: (file: string) => Promise<void>
}

/**
 * Loads the tools of a folder and reports all problems together. TypeScript needs the hooks of
 * `register-hooks.ts`.
 */
export async function loadToolModules(
  dir: string,
  threads: ToolThreads,
  { taken = [], onLoad }: LoadOptions = {},
): Promise<LoadedTools> {
  const listed = await modulesOf(dir)
  if ('problem' in listed) return { tools: [], problems: [listed.problem] }
  const tools: Tool[] = []
  const problems: string[] = []
  const owners = new Map(taken.map((name) => [name, 'a built-in tool']))
  for (const file of listed.files) {
    await onLoad?.(file)
    const path = join(dir, file)
    const { href } = pathToFileURL(path)
    try {
      const exported = Object.entries((await import(href)) as Record<string, unknown>)
      const found = exported.filter((entry): entry is [string, ToolModuleTool] => isTool(entry[1]))
      if (found.length === 0) problems.push(`${file}: ${noTool(exported)}`)
      // The same tool may be exported under two names.
      for (const [tool, exportName] of new Map(found.map(([name, each]) => [each, name]))) {
        const owner = owners.get(tool.name)
        if (owner !== undefined) problems.push(`${file}: ${sameName(tool.name, owner)}`)
        owners.set(tool.name, file)
        tools.push(toTool(tool, href, exportName, threads))
      }
    } catch (error) {
      problems.push(`${file}: ${await loadProblem(path, error)}`)
    }
  }
  return { tools, problems }
}

/** The modules of a folder in the order of their names, or why there are none. */
async function modulesOf(
  dir: string,
): Promise<{ readonly files: readonly string[] } | { readonly problem: string }> {
  try {
    const files = (await readdir(dir)).sort()
    const modules = files.filter((file) => MODULE.test(file) && !DECLARATION_OR_TEST.test(file))
    if (modules.length <= MODULES_MAX) return { files: modules }
    return { problem: `the folder ${dir} has more than ${MODULES_MAX} modules; correct TOOLS_DIR` }
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException
    const why =
      code === 'ENOENT'
        ? 'does not exist'
        : code === 'ENOTDIR'
          ? 'is a file'
          : `cannot be read (${code})`
    return { problem: `the folder ${dir} ${why}; correct TOOLS_DIR` }
  }
}

/** What a module without a tool should export. */
function noTool(exported: readonly (readonly [string, unknown])[]): string {
  const [name] = exported.find(([, value]) => typeof value === 'object' && value !== null) ?? []
  const write = `export const ${name === undefined || name === 'default' ? 'myTool' : name} = defineTool({ … })`
  return `exports no tool; export the result of defineTool: ${write}`
}

function sameName(name: string, owner: string): string {
  return `the tool "${name}" has the name of ${owner === 'a built-in tool' ? owner : `a tool in ${owner}`}; choose another name`
}

function toTool(
  tool: ToolModuleTool,
  moduleUrl: string,
  exportName: string,
  threads: ToolThreads,
): Tool {
  return {
    offer: offerOf(tool.name, tool.description, tool.parametersSchema),
    source: 'module',
    timeoutMs: tool.timeoutMs,
    ...(tool.cpuHeavy ? { startMs: tool.timeoutMs + THREAD_START_MS } : {}),
    approval: tool.approval === 'required',
    idempotent: tool.idempotent,
    check(args) {
      const checked = tool.check(args)
      if (checked.kind === 'fit') return undefined
      return wrong(`the arguments do not fit: ${checked.problems.join('; ')}`)
    },
    async run(args, context, begins) {
      const checked = tool.check(args)
      if (checked.kind === 'wrong') throw new Error(checked.problems.join('; '))
      const value: unknown = tool.cpuHeavy
        ? await threads.call(moduleUrl, exportName, checked.args, context, begins)
        : await tool.run(checked.args, context)
      return answer(textOf(value))
    },
  }
}

/** Returns what the model reads: text unchanged, everything else as JSON. */
function textOf(value: unknown): string {
  if (typeof value === 'string') return value
  return JSON.stringify(value) ?? 'done'
}
