import { readFileSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { SERVICES, type ServiceName } from '@agentfleet/protocol'
import { parse, parseAllDocuments } from 'yaml'
import { baseEnv, envNames, loadConfig } from '../../libs/runtime/src/index.ts'

/** The checkout. */
export const ROOT = fileURLToPath(new URL('../../', import.meta.url))

/** The folder of the kustomize base. */
export const BASE = join(ROOT, 'k8s', 'base')

/** Anything parsed from YAML: tests say which path they expect. */
export type Tree = { readonly [key: string]: Tree } & readonly Tree[] & string & number & boolean

/** A parsed YAML file of one document. */
export function readYaml(...path: string[]): Tree {
  return parse(readFileSync(join(ROOT, ...path), 'utf8'), { merge: true }) as Tree
}

/** File names in the base. */
export function baseFiles(): readonly string[] {
  return readdirSync(BASE).filter((file) => file !== 'kustomization.yaml')
}

/** Every object of the base. */
export function baseObjects(): readonly Tree[] {
  return baseFiles()
    .filter((file) => file.endsWith('.yaml'))
    .flatMap((file) => objectsOf(readFileSync(join(BASE, file), 'utf8')))
}

/** The objects of one file. */
export function objectsOf(text: string): readonly Tree[] {
  return parseAllDocuments(text).map((document) => document.toJS() as Tree)
}

/** The one object of a kind and name. */
export function objectOf(kind: string, name: string): Tree {
  const found = baseObjects().filter((o) => o['kind'] === kind && o['metadata']?.['name'] === name)
  if (found.length !== 1) throw new Error(`${found.length} objects are ${kind} ${name}`)
  return found[0] as Tree
}

type Schema = Parameters<typeof loadConfig>[0]

/** What a service's process reads of its environment. */
export async function schemaOf(service: ServiceName): Promise<Schema> {
  const path = `../../services/${service}/src/config.ts`
  const exported = Object.values((await import(path)) as Record<string, unknown>)
  const schemas = exported.filter((value): value is Schema => isSchema(value))
  if (schemas.length !== 1) throw new Error(`${path} exports ${schemas.length} schemas`)
  return (schemas[0] as Schema).safeExtend(baseEnv(service)) as Schema
}

function isSchema(value: unknown): boolean {
  return typeof value === 'object' && value !== null && 'shape' in value && 'safeExtend' in value
}

/** Everything that is wrong with the variables of one container: unknown names, values, missing ones. */
export async function problemsOf(
  service: ServiceName,
  env: Readonly<Record<string, string>>,
  notRead: readonly string[],
): Promise<readonly string[]> {
  const schema = await schemaOf(service)
  const known = new Set([...envNames(schema), 'NODE_OPTIONS', ...notRead])
  const unknown = Object.keys(env).filter((name) => !known.has(name))
  const problems = unknown.map((name) => `${service} does not read ${name}`)
  try {
    loadConfig(schema, env)
  } catch (error) {
    problems.push(String(error))
  }
  return problems
}

/** Names of the services, to make one test for each. */
export const EACH = [...SERVICES]
