/** What the server answers when it is asked to show a content: a little of it, made to be shown. */

export interface IArrayPreview {
  type: 'array';
  shape: number[];
  dtype: string;
  /** Of the values looked at; of complex numbers the magnitude, moments are text. */
  min?: number | string | null;
  max?: number | string | null;
  /** How many of the values looked at are no number, and how many infinite. */
  nan?: number | null;
  inf?: number | null;
  /** Only a part of the values was looked at. */
  sampled?: boolean;
  lines?: (number | null)[][];
  labels?: string[];
  image?: { rows: number; columns: number; png: string };
  /** Which part of an array of many axes is shown, such as `[0, :, :]`. */
  slice?: string;
  /** The first values of what cannot be drawn, as text. */
  values?: string[];
}

export interface IJsonPreview {
  type: 'json';
  value: unknown;
  cut: boolean;
}

export interface ITextPreview {
  type: 'text';
  text: string;
  cut: boolean;
}

export interface ITablePreview {
  type: 'table';
  columns: string[];
  /** Every cell is text. */
  rows: string[][];
  cut: boolean;
}

export interface IImagePreview {
  type: 'image';
  mimetype: string;
  width?: number | null;
  height?: number | null;
}

export interface IFolderPreview {
  type: 'folder';
  entries: { name: string; size: number; uri: string }[];
  cut: boolean;
}

export interface IBytesPreview {
  type: 'bytes';
  hex: string;
  /** Why it is not shown as what its name says. */
  problem?: string;
}

export type Preview =
  | IArrayPreview
  | IJsonPreview
  | ITextPreview
  | ITablePreview
  | IImagePreview
  | IFolderPreview
  | IBytesPreview;
