/** What the server answers when it is asked to show a content: a little of it, made to be shown. */

export interface IArrayPreview {
  type: 'array';
  shape: number[];
  dtype: string;
  size?: number;
  min?: number | null;
  max?: number | null;
  /** How many of the values looked at are no number. */
  nan?: number | null;
  lines?: (number | null)[][];
  image?: { rows: number; columns: number; png: string };
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
  rows: unknown[][];
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
}

export type Preview =
  | IArrayPreview
  | IJsonPreview
  | ITextPreview
  | ITablePreview
  | IImagePreview
  | IFolderPreview
  | IBytesPreview;
