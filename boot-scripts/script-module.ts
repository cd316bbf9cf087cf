import { stripTypeScriptTypes } from 'node:module';
import vm from 'node:vm';
import type { ScriptText } from './protocol.ts';
import { ScriptMistake } from './thrown.ts';

/**
 * The script's module, ready to be run. It has a JavaScript context of its own, with the API and little else, so that a script
 * does what is measured and nothing by accident. That is no prison: a script is as trusted as the daemon.
 * @param globals what it finds beside JavaScript's own objects
 */
export async function loadScript(
  { file, source }: ScriptText,
  globals: object,
): Promise<vm.SourceTextModule> {
  // Types become spaces, so that lines and columns stay.
  const code = /\.m?ts$/.test(file) ? stripTypeScriptTypes(source) : source;
  const module = new vm.SourceTextModule(code, {
    identifier: file,
    context: vm.createContext(globals),
    importModuleDynamically: (name) => refuseImport(name),
  });
  await module.link((name) => refuseImport(name));
  if (!Reflect.ownKeys(module.namespace).includes('default')) {
    throw new ScriptMistake('it has no default export: write "export default async (boot) => …"');
  }
  return module;
}

function refuseImport(name: string): never {
  throw new ScriptMistake(
    `it imports ${JSON.stringify(name)}: a script is one file and imports nothing but types ("import type")`,
  );
}
