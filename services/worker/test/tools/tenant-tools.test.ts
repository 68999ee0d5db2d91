import { readTenantTools } from '@agentfleet/protocol'
import { expect, test } from 'vitest'
import { builtInTools } from '../../src/tools/built-in.ts'
import { offerOf, toolsOfTenant, type Tool } from '../../src/tools/tool.ts'

const tool = (name: string): [string, Tool] => [
  name,
  { ...builtInTools().get('calculate')!, offer: offerOf(name, '', {}) },
]
const all = new Map([tool('calculate'), tool('order'), tool('crm__read'), tool('crm__write')])
const rules = readTenantTools('{"acme":["order","crm__*"],"none":[],"*":["calculate"]}').value
const names = (tenant: string) => [...toolsOfTenant(all, tenant, rules).keys()]

test('a tenant may use the tools that its rule lists by name or by the beginning of the name', () => {
  expect(names('acme')).toEqual(['order', 'crm__read', 'crm__write'])
  expect(names('none')).toEqual([])
  expect(names('other')).toEqual(['calculate'])
})

test('a tenant that has no rule may not use a tool', () => {
  expect([...toolsOfTenant(all, 'other', { acme: ['order'] }).keys()]).toEqual([])
  expect([...toolsOfTenant(all, 'constructor', { acme: ['order'] }).keys()]).toEqual([])
})

test('without tool rules every tenant may use every tool', () => {
  expect(toolsOfTenant(all, 'acme', readTenantTools(undefined).value)).toBe(all)
})

test.each([
  ['{', /must be JSON, but it has an error at line 1, column 2/],
  ['{"Acme":["order"]}', /TENANT_TOOLS: Acme.*|TENANT_TOOLS/],
  ['{"acme":"order"}', /TENANT_TOOLS: acme/],
  ['{"acme":["or*der"]}', /TENANT_TOOLS: acme.0.*name of a tool/],
  ['[]', /TENANT_TOOLS: it/],
])('the tool rules %s are refused, and the error contains the problem', (text, problem) => {
  expect(readTenantTools(text).problems.join('\n')).toMatch(problem)
})
