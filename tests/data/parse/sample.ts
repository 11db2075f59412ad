import { readFile } from 'node:fs/promises'

/** Where settings come from. */
export interface Source {
  name: string
  read(path: string): Promise<string>
}

export type Parsed<T> = {
  value: T
  warnings: string[]
}

export enum Level {
  Debug,
  Info,
}

export declare function declared(x: number): void

export namespace Paths {
  export const root = '/'

  export function join(...parts: string[]): string {
    return parts.join('/')
  }
}

function sealed(target: Function): void {
  Object.seal(target)
}

/** Reads files. */
@sealed
export abstract class FileSource implements Source {
  private cache = new Map<string, string>()
  readonly name: string = 'file'

  constructor(private readonly root: string) {}

  abstract describe(): string

  /** Read one file. */
  async read(path: string): Promise<string> {
    const hit = this.cache.get(path)
    if (hit !== undefined) return hit
    const text = await readFile(`${this.root}/${path}`, 'utf8')
    this.cache.set(path, text)
    return text
  }

  @log()
  clear = (): void => {
    this.cache.clear()
  }
}

export function parse(text: string): Parsed<number>
export function parse(text: string, base: number): Parsed<number>
export function parse(text: string, base = 10): Parsed<number> {
  return { value: Number.parseInt(text, base), warnings: [] }
}

export const identity = <T,>(value: T): T => value

declare module 'settings' {
  export const version: string
}

export default FileSource
