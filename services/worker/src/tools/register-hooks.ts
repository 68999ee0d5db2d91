import { register } from 'node:module'

/** Makes this thread load modules as `module-hooks.ts` says; `hooks` is the built module. */
export function registerModuleHooks(hooks = new URL('./module-hooks.js', import.meta.url)): void {
  register(hooks)
}
