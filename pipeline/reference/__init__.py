"""Reference pages, written from what the code knows: an idea a module, a document's blocks in `documents`.

`python -m scenerank.pipeline.reference` renews all documents; a test holds them to it.
"""
