from .load_image import LoadImageFromFile

__all__ = ['LoadImageFromFile']
