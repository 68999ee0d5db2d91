/** The first view loads fast on a slow line; `npm test` has built the page before. */
import { gzipSync } from 'node:zlib'
import { expect, test } from 'vitest'
import { readPage } from '../src/index.ts'

const FIRST_VIEW_MAX_BYTES = 60_000
/** The gateway keeps the files in memory and offers them by name. */
const FILES_MAX = 20

test('the built page exists (if this test fails, run npx vite build in libs/console)', () => {
  expect(readPage().map(({ path }) => path)).toContain('index.html')
})

test(`the first view needs at most ${FIRST_VIEW_MAX_BYTES} bytes with gzip`, () => {
  const files = readPage()
  const bytes = files.reduce((sum, file) => sum + gzipSync(file.bytes, { level: 9 }).length, 0)
  expect(bytes).toBeLessThanOrEqual(FIRST_VIEW_MAX_BYTES)
  expect(files.length).toBeLessThanOrEqual(FILES_MAX)
})

test('every file of the built page has compressed forms, and the HTML contains no script', () => {
  const files = readPage()
  const plain = files.filter(
    ({ encoded }) => encoded.br === undefined || encoded.gzip === undefined,
  )
  expect(plain.map(({ path }) => path)).toEqual([])
  const html = String(files.find(({ path }) => path === 'index.html')?.bytes)
  expect(html).not.toMatch(/<script(?![^>]*\bsrc=)|\bon\w+=|<style|\bstyle=/)
})
