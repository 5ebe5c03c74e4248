// SPDX-License-Identifier: Apache-2.0

export interface ElfParts {
  readonly wide: boolean;
  readonly little: boolean;
  readonly interpreter?: string;
  readonly needed?: readonly string[];
  readonly soname?: string;
  readonly rpath?: string;
  readonly runpath?: string;
}

const baseAddress = 0x10000;

/** Makes a small shared library of nothing but headers and a dynamic section. */
export function makeElf(parts: ElfParts): Buffer {
  const { wide, little } = parts;
  const strings = Buffer.from(
    ["", parts.interpreter, ...(parts.needed ?? []), parts.soname, parts.rpath, parts.runpath, ""]
      .filter((text) => text !== undefined)
      .join("\0"),
  );
  const at = (text: string): number => strings.indexOf(`\0${text}\0`) + 1;
  const tags: [number, number][] = (parts.needed ?? []).map((name) => [1, at(name)]);
  if (parts.soname !== undefined) tags.push([14, at(parts.soname)]);
  if (parts.rpath !== undefined) tags.push([15, at(parts.rpath)]);
  if (parts.runpath !== undefined) tags.push([29, at(parts.runpath)]);
  const word = wide ? 8 : 4;
  const headerBytes = wide ? 64 : 52;
  const segmentBytes = wide ? 56 : 32;
  const segments = parts.interpreter === undefined ? 2 : 3;
  const dynamicAt = headerBytes + segments * segmentBytes;
  const dynamicBytes = (tags.length + 2) * 2 * word;
  const stringsAt = dynamicAt + dynamicBytes;
  tags.push([5, baseAddress + stringsAt], [0, 0]);
  const out = Buffer.alloc(stringsAt + strings.length);
  const view = new DataView(out.buffer, out.byteOffset, out.length);
  const putWord = (place: number, value: number): void => {
    if (wide) view.setBigUint64(place, BigInt(value), little);
    else view.setUint32(place, value, little);
  };
  out.set([0x7f, 0x45, 0x4c, 0x46, wide ? 2 : 1, little ? 1 : 2, 1], 0);
  view.setUint16(16, 3, little);
  view.setUint16(18, 62, little);
  putWord(wide ? 32 : 28, headerBytes);
  view.setUint16(wide ? 54 : 42, segmentBytes, little);
  view.setUint16(wide ? 56 : 44, segments, little);
  const putSegment = (index: number, type: number, offset: number, size: number): void => {
    const place = headerBytes + index * segmentBytes;
    view.setUint32(place, type, little);
    putWord(place + (wide ? 8 : 4), offset);
    putWord(place + (wide ? 16 : 8), baseAddress + offset);
    putWord(place + (wide ? 32 : 16), size);
  };
  putSegment(0, 1, 0, out.length);
  putSegment(1, 2, dynamicAt, dynamicBytes);
  if (parts.interpreter !== undefined)
    putSegment(2, 3, stringsAt + at(parts.interpreter), parts.interpreter.length + 1);
  tags.forEach(([tag, value], i) => {
    putWord(dynamicAt + i * 2 * word, tag);
    putWord(dynamicAt + i * 2 * word + word, value);
  });
  out.set(strings, stringsAt);
  return out;
}
