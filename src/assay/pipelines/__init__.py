"""The five pipelines. They stand side by side and do not know each other."""
