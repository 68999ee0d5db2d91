import { existsSync } from 'node:fs'
import { readdir } from 'node:fs/promises'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { isTool, type ToolModuleTool } from '@agentfleet/toolkit'
import { answer, offerOf, wrong, type Tool } from './tool.ts'
import type { ToolThreads } from './tool-threads.ts'

/**
 * Loads the modules of your tool folder once at the start. Every exported value that `defineTool`
 * created is a tool.
 */

/** The tools of a folder and all its problems. */
export interface LoadedTools {
  readonly tools: readonly Tool[]
  readonly problems: readonly string[]
}

/** Modules in one folder; a folder with more is not a tool folder. */
const MODULES_MAX = 1_000
const DECLARATION_OR_TEST = /\.(d|test|spec)\.[cm]?[jt]s$/
const MODULE = /\.m?[jt]s$/

/**
 * Loads the tools of a folder and reports all problems together. TypeScript needs the hooks of
 * `register-hooks.ts`.
 */
export async function loadToolModules(dir: string, threads: ToolThreads): Promise<LoadedTools> {
  if (!existsSync(dir))
    return { tools: [], problems: [`the folder ${dir} does not exist; correct TOOLS_DIR`] }
  const files = (await readdir(dir)).sort()
  const modules = files.filter((file) => MODULE.test(file) && !DECLARATION_OR_TEST.test(file))
  if (modules.length > MODULES_MAX) {
    return { tools: [], problems: [`${dir} has more than ${MODULES_MAX} modules`] }
  }
  const tools: Tool[] = []
  const problems: string[] = []
  for (const file of modules) {
    const { href } = pathToFileURL(join(dir, file))
    try {
      const exported = Object.entries((await import(href)) as Record<string, unknown>)
      const found = exported.filter((entry): entry is [string, ToolModuleTool] => isTool(entry[1]))
      if (found.length === 0)
        problems.push(`${file}: exports no tool; export the result of defineTool`)
      tools.push(...found.map(([name, tool]) => toTool(tool, href, name, threads)))
    } catch (error) {
      problems.push(`${file}: ${error instanceof Error ? error.message : String(error)}`)
    }
  }
  return { tools, problems }
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
    approval: tool.approval === 'required',
    idempotent: tool.idempotent,
    check(args) {
      const checked = tool.check(args)
      if (checked.kind === 'fit') return undefined
      return wrong(`the arguments do not fit: ${checked.problems.join('; ')}`)
    },
    async run(args, context) {
      const checked = tool.check(args)
      if (checked.kind === 'wrong') throw new Error(checked.problems.join('; '))
      const value: unknown = tool.cpuHeavy
        ? await threads.call(moduleUrl, exportName, checked.args, context)
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
