import { register } from 'node:module'

/** Makes this thread load modules with `module-hooks.ts`; `hooks` is the compiled module. */
export function registerModuleHooks(hooks = new URL('./module-hooks.js', import.meta.url)): void {
  register(hooks)
}
