import { readFile } from 'node:fs/promises'
import { correctionOf } from '@agentfleet/domain'
import { ToolDefinitionError } from '@agentfleet/toolkit'

/** Says why a module cannot be loaded; the caller puts the name of the file before it. */
export async function loadProblem(path: string, error: unknown): Promise<string> {
  if (!(error instanceof Error)) return `throws when it is loaded: ${String(error)}; ${CORRECT}`
  if (isDefinitionError(error)) return definitionProblem(error)
  if ('code' in error && error.code === 'ERR_MODULE_NOT_FOUND') return missingImport(error.message)
  if (error instanceof SyntaxError) return `${await syntaxProblem(path, error)}; correct it`
  return `throws when it is loaded: ${error.message}; ${CORRECT}`
}

const JAVASCRIPT = /\.m?js$/
const CORRECT = 'correct it, or move this code into run'

/** A module may have its own copy of the toolkit, whose errors are of another class with the same name. */
function isDefinitionError(error: Error): error is ToolDefinitionError {
  return error instanceof ToolDefinitionError || error.name === 'ToolDefinitionError'
}

function definitionProblem({ message, unknown, known }: ToolDefinitionError): string {
  const corrections = unknown.map((field) => `for "${field}": ${correctionOf(field, known)}`)
  return [message, ...corrections].join('; ')
}

function missingImport(message: string): string {
  const [, name] = /^Cannot find package '([^']+)'/.exec(message) ?? []
  if (name !== undefined) {
    return `the file imports the package ${name}, which is not installed; run "npm install ${name}" in the folder of the tools`
  }
  const [, file = ''] = /^Cannot find module '([^']+)'/.exec(message) ?? []
  return `the file imports ${file}, which does not exist; correct the path`
}

/** Node reports no place of a syntax error of JavaScript, so the compiler for TypeScript reads the module again. */
async function syntaxProblem(path: string, { message }: Error): Promise<string> {
  if (!JAVASCRIPT.test(path)) return message
  try {
    const { compile } = await import('../module-hooks.ts')
    await compile(await readFile(path, 'utf8'), path)
    return message
  } catch (error) {
    return error instanceof SyntaxError ? error.message : message
  }
}
