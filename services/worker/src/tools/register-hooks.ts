import { register } from 'node:module'

/** Makes this thread load modules with `module-hooks.ts`, whose compiled form Node loads. */
export function registerModuleHooks(): void {
  register(new URL('./module-hooks.js', import.meta.url))
}
