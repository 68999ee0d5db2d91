/** Compares docs/reference/environment.md with the variables that the services read. */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { SERVICES } from '@agentfleet/protocol'
import { expect, test } from 'vitest'
import { ROOT, schemaOf } from './manifests.ts'

const page = readFileSync(join(ROOT, 'docs/reference/environment.md'), 'utf8')
/** After this the page describes programs that are not services. */
const SERVICE_PART = page.slice(0, page.indexOf('## What `npm start` passes through'))

test('the reference lists exactly the variables of the services', async () => {
  const schemas = await Promise.all(SERVICES.map(schemaOf))
  const read = new Set(schemas.flatMap(({ shape }) => Object.keys(shape)))
  const firstCells = SERVICE_PART.split('\n').flatMap(
    (line) => /^\|([^|]*)\|/.exec(line)?.[1] ?? [],
  )
  const named = firstCells.flatMap((cell) =>
    [...cell.matchAll(/`([A-Z0-9_]+)`/g)].map(([, name]) => name),
  )
  // Shared by five services, so it is part of a sentence.
  const all = new Set([
    ...named,
    ...(SERVICE_PART.includes('\n`REDIS_URL` (default') ? ['REDIS_URL'] : []),
  ])
  expect([...read].filter((name) => !all.has(name))).toEqual([])
  expect([...all].filter((name) => name === undefined || !read.has(name))).toEqual([])
})
